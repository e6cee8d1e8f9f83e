// Recordings and annotations as EDF+ files.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "io/recording/reader.h"

namespace sec::io {

// Writes an EDF+C file, atomically and a record at a time. Leads in mV are labelled "ECG NAME". Samples are
// kept as the whole adu they are where the lead's gain says so and 16 bits suffice; otherwise each lead's
// range is divided into 65534 steps. Invalid samples, and what is missing in the last record, are -32768,
// below the digital minimum. Comments become annotations "# TEXT" at the beginning. `annotations` are counted
// at annotation_rate(source.info()). Throws Error on what EDF+ cannot hold: names that are not ASCII or too
// long, a rate of which no record of eight digits holds whole samples, annotations before sample 0 or out of
// order.
void write_edf(const std::filesystem::path& path, RecordingReader& source,
               std::span<const Annotation> annotations);

// When a recording began, as ReaderInfo says it.
struct EdfStart {
  std::string date;
  std::string time;
};

// An EDF+ file of annotations only, counted at `rate` Hz.
void write_edf_annotations(const std::filesystem::path& path, double rate, const EdfStart& start,
                           std::span<const Annotation> annotations);

}  // namespace sec::io
