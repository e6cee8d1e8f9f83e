// The parts of results and report about single recordings with several labels, and their patients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/scoring/run_summary.h"

namespace sec::train {

// The recordings of a patient in one split. A recording of an unknown patient counts as a patient.
struct RecordingsOfPatient {
  std::string patient;  // or the recording's name
  std::string split;
  std::vector<std::string> recordings;
  std::int64_t right = 0;         // recordings without a wrong label
  std::int64_t labels = 0;        // recordings x classes
  std::int64_t labels_right = 0;  // of these, decided rightly
};

// The patients of the validation and test recordings, in order of appearance.
std::vector<RecordingsOfPatient> recordings_by_patient(const RunSummary& run);

// The section "Recordings": patients with wrong labels, most wrong labels first, of the split that is scored first.
std::string recordings_section(const RunSummary& run);

// The section "Misread recordings": the selection in `run`, drawn on ECG paper.
std::string misread_recordings_section(const RunSummary& run);

}  // namespace sec::train
