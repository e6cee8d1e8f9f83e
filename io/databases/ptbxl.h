// PTB-XL (Wagner et al. 2020, physionet.org/content/ptb-xl): ptbxl_database.csv says which statements each
// recording has, scp_statements.csv which diagnostic superclass a statement belongs to.
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
  statements,  // all of them: diagnostic, form and rhythm
};

// The recordings of FOLDER/ptbxl_database.csv in its order, with strat_fold, patient, age and sex. Labels are
// those of the authors' benchmark (Strodthoff et al. 2021), where likelihoods do not count: each key of
// scp_codes is a statement, also at likelihood 0, and each diagnostic one among them gives its superclass.
// `low_rate` takes the 100 Hz files (filename_lr) instead of those at 500 Hz. The id is the file's name.
// Ages above 89, which the database gives as 300, are read as 90. Throws Error naming file and line: a
// missing column or recording, an scp_codes that is no dictionary of numbers, an unknown statement, a fold
// outside 1 to 10.
std::vector<LabelledRecording> read_ptbxl(const std::filesystem::path& folder, PtbxlLabels labels,
                                          bool low_rate = false);

// The text of a Python dictionary of strings and numbers, "{'NORM': 100.0, 'SR': 0.0}". Throws Error, naming
// `place`, on anything else, a key that is there twice and a number that is not finite included.
std::vector<std::pair<std::string, double>> parse_scp_codes(std::string_view text, const std::string& place);

}  // namespace sec::io
