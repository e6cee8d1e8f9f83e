// Folders of recordings in the form of the PhysioNet/Computing in Cardiology challenges 2020 and 2021: WFDB
// records whose headers say age, sex and diagnoses in comments.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/databases/labelled_recordings.h"

namespace sec::io {

// Every header of the folder and its subfolders, by name. Of its comments, "#Age: 74", "#Sex: Female" and
// "#Dx: 426783006,164865005", each also with a space after the mark; labels are the SNOMED CT codes. The id
// is the record's path in the folder. Throws Error naming the header: no Dx, a code that is none, an age or a
// sex that is none (NaN and Unknown are allowed, and a negative age, which says unknown).
std::vector<LabelledRecording> read_cinc(const std::filesystem::path& folder);

// Age and sex alone, from the comments of any recording; what they do not say stays as it is. `place` is for
// messages.
void read_age_and_sex(const std::vector<std::string>& comments, const std::string& place,
                      LabelledRecording& recording);

}  // namespace sec::io
