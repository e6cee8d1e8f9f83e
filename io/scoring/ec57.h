// The beat-by-beat comparison of ANSI/AAMI EC57.
// It compares the annotations of a detector or classifier ("test") with those of cardiologists ("reference").
// Rules and line layout are those of the standard's reference comparator (WFDB Applications Guide, bxb(1)).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/recording/recording.h"
#include "io/scoring/aami.h"

namespace sec::io {

struct Ec57Options {
  double rate = 0;                  // Hz, of the annotations' sample numbers
  double start = 300;               // s; the learning period before it is not scored
  double window = 0.15;             // s; beats further apart do not match
  std::optional<std::int64_t> end;  // the last sample scored; nullopt: the last reference beat
  BeatMapping mapping = BeatMapping::ec57;
};

// Labels of a beat: the classes of aami.h, O for "no beat" and X for "signal unreadable" (shutdown).
enum class Ec57Label : std::uint8_t { N, S, V, F, Q, O, X };
constexpr std::size_t ec57_labels = 7;

struct Ec57Counts {
  std::array<std::array<std::int64_t, ec57_labels>, ec57_labels> cells{};  // [reference][test]
  // RR intervals are compared at every step of the comparison, as WFDB's comparator does: the interval that ends at a
  // reference beat against the one that ends at the test beat paired with it. A beat that only one side has is compared
  // with the next beat of the other side, so a missed or an extra beat adds two differences.
  double rr_squares = 0;      // s^2: the sum of the squared differences
  std::int64_t rr_count = 0;  // how many intervals were compared
  double shutdown = 0;        // s that the test annotations mark as unreadable

  std::int64_t at(Ec57Label reference, Ec57Label test) const {
    return cells[static_cast<std::size_t>(reference)][static_cast<std::size_t>(test)];
  }
  Ec57Counts& operator+=(const Ec57Counts& other);
};

// Annotations must be sorted by time. Annotations between [ and ] (ventricular fibrillation) are not beats.
// Unmatched test beats within the reference's [ to ] are not counted.
// Shutdown begins with a NOISE annotation whose subtype has bits 4 and 5 set.
// It lasts to the next NOISE annotation without these bits.
// If another type of annotation comes before that, shutdown begins later: one match window after the beat
// before the NOISE annotation.
// It then ends one match window before the annotation that follows.
// Throws Error on a rate that is not positive and on a negative start or window.
Ec57Counts compare_beats(std::span<const Annotation> reference, std::span<const Annotation> test,
                         const Ec57Options& options);

// Scores in percent; nullopt where undefined.
struct Ec57Scores {
  // Sensitivity (se) and positive predictivity (p) of QRS complexes (q), ventricular ectopic beats (v)
  // and supraventricular ectopic beats (s).
  std::optional<double> q_se, q_p, v_se, v_p, s_se, s_p;
  std::optional<double> rr_error;  // ms, root mean square
};
// Scores of one record. As EC57 requires, F or Q beats labelled S count as errors of S.
// F or Q beats labelled V do not count as errors of V.
Ec57Scores ec57_scores(const Ec57Counts& counts);

struct Ec57Record {
  std::string name;
  Ec57Counts counts;
};

// Scores of a set of records. Like the comparator's summary, they are computed from the columns of its lines.
// The columns do not separate F and Q beats labelled S. Such beats are therefore not errors of S here.
Ec57Scores ec57_gross(std::span<const Ec57Record> records);    // scores of the summed counts
Ec57Scores ec57_average(std::span<const Ec57Record> records);  // mean over records with a score

std::string ec57_line(const Ec57Record& record);  // a line of the report without line end
// The complete table: heading, one line per record, then sums, gross and average scores.
std::string ec57_table(std::span<const Ec57Record> records);

}  // namespace sec::io
