// PTB-XL (Wagner et al. 2020, physionet.org/content/ptb-xl).
// ptbxl_database.csv lists the SCP statements of each recording;
// scp_statements.csv maps each diagnostic statement to a diagnostic superclass.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/databases/labelled_recordings.h"

namespace sec::io {

enum class PtbxlLabels {
  superclass,  // NORM, MI, STTC, CD, HYP
  statements,  // all SCP statements: diagnostic, form and rhythm
};

// Reads the recordings of FOLDER/ptbxl_database.csv, in its order, with strat_fold, patient, age and sex.
// Labels follow the authors' benchmark (Strodthoff et al. 2021), which ignores likelihoods:
// each key of scp_codes is a statement, even with likelihood 0,
// and each diagnostic statement adds its superclass.
// `low_rate` selects the 100 Hz files (filename_lr) instead of the 500 Hz files. The id is the file's name.
// Ages above 89, which the database encodes as 300, are read as 90.
// Throws Error, naming file and line, on a missing column or recording and malformed scp_codes.
// Also throws Error on an unknown statement or a fold outside 1 to 10.
std::vector<LabelledRecording> read_ptbxl(const std::filesystem::path& folder, PtbxlLabels labels,
                                          bool low_rate = false);

// Parses a Python dictionary of strings and numbers, such as "{'NORM': 100.0, 'SR': 0.0}".
// Throws Error, naming `place`, on any other text, a repeated key, or a number that is not finite.
std::vector<std::pair<std::string, double>> parse_scp_codes(std::string_view text, const std::string& place);

}  // namespace sec::io
