// Synthetic recordings: a stand-in for the MIT-BIH Arrhythmia Database, for machines that cannot fetch the
// real one, and others of any number of leads.
//
// Beats follow the dynamical model of McSharry et al. 2003 ("A dynamical model for generating synthetic
// electrocardiogram signals", IEEE Trans. Biomed. Eng. 50(3)): a point goes round a limit cycle, once a beat,
// and P, Q, R, S and T are Gaussian events at given angles of it; the cycle's speed varies with respiration
// (0.25 Hz) and Mayer waves (0.1 Hz). As in Sameni et al. 2007 ("Multichannel ECG and noise modeling",
// EURASIP J. Adv. Signal Process.) each event is a dipole in space that leads see by projection, and the
// solution on the cycle is written out as the sum of its Gaussians instead of being integrated.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/databases/mitdb.h"
#include "io/synthetic/heart.h"
#include "io/wfdb/signal.h"

namespace sec::io {

struct SyntheticOptions {
  double minutes = 5;                // of signal a record, up to 120
  std::uint64_t seed = 1;            // the same seed gives the same database
  double noise = 1;                  // factor on wander, mains, muscle and electrode noise
  std::vector<std::string> records;  // names as in MIT-BIH; empty: all 48

  // Instead of MIT-BIH's records so many others, s00001 and so on, each of a patient of its own. What follows
  // is for these only.
  int count = 0;
  std::optional<double> rate;  // Hz, 100 to 2000; otherwise 360
  int leads = 0;               // 1 to 12, see synthetic_leads; 0: two
  std::optional<ClassMix>
      mix;  // each record's beats by class, but for a few; otherwise as each patient has them
};

struct SyntheticRecord {
  DigitalRecord digital;  // 200 adu/mV, 11 bits around 1024, format 212; as in MIT-BIH two leads, 360 Hz
  std::vector<Annotation> annotations;
};

struct SyntheticCounts {
  ClassCounts all{};
  MitdbCounts mitdb;  // of the records that are in DS1 and DS2
};

// One recording of that record's imaginary patient. 201 and 202 are one person here too; 102, 104, 107 and
// 217 are paced. Throws Error on options out of range.
SyntheticRecord synthesize(const MitdbRecord& record, const SyntheticOptions& options);

// Writes the records, RECORDS, and the marker file with the beats by class, into a folder that is made if
// need be. Returns these counts. Throws Error if the folder holds a database that is not synthetic, and on
// options that are out of range or contradict each other.
SyntheticCounts write_synthetic_database(const std::filesystem::path& folder,
                                         const SyntheticOptions& options);

}  // namespace sec::io
