// Folders of WFDB records as published for the PhysioNet/Computing in Cardiology challenges 2020 and 2021.
// Comments in the records' headers state age, sex and diagnoses.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/databases/labelled_recordings.h"

namespace sec::io {

// Reads every WFDB header in the folder and its subfolders, sorted by name.
// Reads the header comments "#Age: 74", "#Sex: Female" and "#Dx: 426783006,164865005";
// a space after the # is allowed. The labels are the SNOMED CT codes in "Dx".
// A recording's id is its path relative to the folder. NaN, "Unknown" and negative ages mean "not known".
// Throws Error, naming the header, if "Dx" is missing or a diagnosis, age or sex is malformed.
std::vector<LabelledRecording> read_cinc(const std::filesystem::path& folder);

// Reads only age and sex from the comments of any recording; fields without a comment keep their value.
// `place` is the location shown in error messages.
void read_age_and_sex(const std::vector<std::string>& comments, const std::string& place,
                      LabelledRecording& recording);

}  // namespace sec::io
