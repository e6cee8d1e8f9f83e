// Annotation files of the MIT format, NAME.atr (WFDB Applications Guide, annot(5)): 16-bit words of a 6-bit
// type and a 10-bit interval since the last annotation, with pseudo-types between them.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording.h"

namespace sec::io {

// All annotations in order of time. SUB holds for the annotation it follows, CHN and NUM until changed. NULs
// that end an AUX text are dropped. Where the file states a time resolution other than `rate` (Hz, 0: take
// times as they are), sample numbers are converted. Throws Error naming the byte: an undefined type, times
// that run backwards, a file that ends before its end mark.
std::vector<Annotation> parse_annotations(std::string_view bytes, const std::string& file, double rate = 0);
std::vector<Annotation> read_annotations(const std::filesystem::path& path, double rate = 0);

// Writes the file atomically. Throws Error on annotations that the format cannot hold: out of order, before
// sample 0, an undefined type, SUB or NUM outside -128 to 127, CHN outside 0 to 255, AUX over 255 bytes.
void write_annotations(const std::filesystem::path& path, std::span<const Annotation> annotations);

}  // namespace sec::io
