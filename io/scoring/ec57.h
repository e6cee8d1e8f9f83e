// The beat-by-beat comparison of ANSI/AAMI EC57: annotations of a detector or classifier ("test") against
// those of cardiologists ("reference"), with the rules and the line layout of the standard's reference
// comparator (WFDB Applications Guide, bxb(1)).
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
  double start = 300;               // s; before it the test may learn and is not scored
  double window = 0.15;             // s; beats further apart are no match
  std::optional<std::int64_t> end;  // the last sample scored; nothing: the last reference beat
  BeatMapping mapping = BeatMapping::ec57;
};

// What a beat is called: the classes of aami.h, then "no beat there" and "not readable there" (shutdown).
enum class Ec57Label : std::uint8_t { N, S, V, F, Q, O, X };
constexpr std::size_t ec57_labels = 7;

struct Ec57Counts {
  std::array<std::array<std::int64_t, ec57_labels>, ec57_labels> cells{};  // [reference][test]
  // RR intervals are compared at every step of the comparison, as WFDB's comparator does: the interval that ends at a
  // reference beat against the one that ends at the test beat paired with it. A beat that only one side has is compared
  // with the next beat of the other side, so a missed or an extra beat adds two differences.
  double rr_squares = 0;      // s^2: the sum of the squared differences
  std::int64_t rr_count = 0;  // how many intervals were compared
  double shutdown = 0;        // s that the test called unreadable

  std::int64_t at(Ec57Label reference, Ec57Label test) const {
    return cells[static_cast<std::size_t>(reference)][static_cast<std::size_t>(test)];
  }
  Ec57Counts& operator+=(const Ec57Counts& other);
};

// Annotations must be in order of time. A test beat in reference-marked ventricular fibrillation ([ to ])
// that matches nothing is not counted; annotations between [ and ] are no beats. Shutdown is between a NOISE
// annotation with bits 4 and 5 of its subtype set and the next NOISE without; one such alone stands for the
// time from a match window after the beat before it to one before the next annotation. Throws Error on a rate
// that is not positive and on a negative start or window.
Ec57Counts compare_beats(std::span<const Annotation> reference, std::span<const Annotation> test,
                         const Ec57Options& options);

// Percentages; nothing where they are undefined.
struct Ec57Scores {
  std::optional<double> q_se, q_p, v_se, v_p, s_se, s_p;  // QRS complexes, ventricular and supraventricular
                                                          // ectopic beats: sensitivity and +P
  std::optional<double> rr_error;                         // ms, root mean square
};
// Of a record. F or Q beats called S are errors of S, called V they are not (as EC57 asks).
Ec57Scores ec57_scores(const Ec57Counts& counts);

struct Ec57Record {
  std::string name;
  Ec57Counts counts;
};

// Of a set of records. Like the comparator's summary they are computed from the columns of its lines, where F
// and Q beats called S are not told apart and are no error of S.
Ec57Scores ec57_gross(std::span<const Ec57Record> records);    // of the sums
Ec57Scores ec57_average(std::span<const Ec57Record> records);  // the mean over records where it is defined

std::string ec57_line(const Ec57Record& record);  // without the line end
// Heading, a line for each record, and sums, gross and average.
std::string ec57_table(std::span<const Ec57Record> records);

}  // namespace sec::io
