#include "io/recording/units.h"

namespace sec::io {

double millivolts_per(std::string_view unit) {
  if (unit == "mV" || unit == "mv") {
    return 1;
  }
  if (unit == "V") {
    return 1e3;
  }
  // "u" for micro; the micro sign and the Greek letter mu in UTF-8; the micro sign in Latin-1.
  if (unit == "uV" || unit == "\xc2\xb5V" || unit == "\xce\xbcV" || unit == "\xb5V") {
    return 1e-3;
  }
  return unit == "nV" ? 1e-6 : 0;
}

}  // namespace sec::io
