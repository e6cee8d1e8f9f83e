// Writes recordings and annotations as EDF+ files.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "io/recording/reader.h"

namespace sec::io {

// Writes an EDF+C file atomically, one data record at a time. Leads in mV are labelled "ECG NAME".
// Samples that are whole numbers of adu by the lead's gain and fit 16 bits are stored exactly.
// Other leads' ranges are divided into 65534 steps.
// Invalid samples, and the padding of the last data record, are -32768, which is below the digital minimum.
// Comments become annotations "# TEXT" at the beginning.
// Sample numbers of `annotations` are at annotation_rate(source.info()).
// Throws Error on data that EDF+ cannot hold. Annotations must be sorted and not before sample 0. Names must
// be short ASCII texts. Some record duration of at most 8 digits must hold whole samples.
void write_edf(const std::filesystem::path& path, RecordingReader& source,
               std::span<const Annotation> annotations);

// When a recording began, in the formats of ReaderInfo.
struct EdfStart {
  std::string date;
  std::string time;
};

// Writes an EDF+ file that holds only annotations. Their sample numbers are at `rate` Hz.
void write_edf_annotations(const std::filesystem::path& path, double rate, const EdfStart& start,
                           std::span<const Annotation> annotations);

}  // namespace sec::io
