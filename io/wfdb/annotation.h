// Annotation files of the MIT format, NAME.atr (WFDB Applications Guide, annot(5)): 16-bit words of a 6-bit
// type and a 10-bit interval since the last annotation, with pseudo-types between them.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

// An annotation type that a file defines for itself.
struct AnnotationLabel {
  int code = 0;             // 1 to 49
  std::string symbol;       // without blanks
  std::string description;  // may be empty

  friend bool operator==(const AnnotationLabel&, const AnnotationLabel&) = default;
};

struct AnnotationFile {
  std::vector<AnnotationLabel> labels;  // in the file's order
  double resolution = 0;                // Hz of the file's own time, 0 if it states none
  std::vector<Annotation> annotations;  // in order of time

  // The symbol of one of its annotations: its own label's, or the standard one.
  std::string symbol_of(int code) const;
};

// All annotations of a file. SUB holds for the annotation it follows, CHN and NUM until changed. NULs that
// end an AUX text are dropped. Notes at the beginning that state the time resolution or define types are no
// annotations. Where a file states another time resolution than `rate` (Hz, 0: take times as they are),
// sample numbers are converted. Throws Error naming the byte: an undefined type, times that run backwards, a
// file that ends before its end mark.
AnnotationFile parse_annotation_file(std::string_view bytes, const std::string& file, double rate = 0);
AnnotationFile read_annotation_file(const std::filesystem::path& path, double rate = 0);

// Its annotations alone.
std::vector<Annotation> read_annotations(const std::filesystem::path& path, double rate = 0);

// Writes the file atomically, first its time resolution (Hz, 0: none) and its own labels. Throws Error on
// what the format cannot hold: annotations out of order, before sample 0, of a type that is neither standard
// nor among the labels, SUB or NUM outside -128 to 127, CHN outside 0 to 255, AUX over 255 bytes.
void write_annotation_file(const std::filesystem::path& path, const AnnotationFile& file);
void write_annotations(const std::filesystem::path& path, std::span<const Annotation> annotations);

}  // namespace sec::io
