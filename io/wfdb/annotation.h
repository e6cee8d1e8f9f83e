// Annotation files of the MIT format, NAME.atr (WFDB Applications Guide, annot(5)).
// They consist of 16-bit words: a 6-bit type and a 10-bit interval since the previous annotation.
// Some words are pseudo-annotations.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/files/file_group.h"
#include "io/recording/recording.h"

namespace sec::io {

// An annotation type that a file defines.
struct AnnotationLabel {
  int code = 0;             // 1 to 49
  std::string symbol;       // without blanks
  std::string description;  // may be empty

  friend bool operator==(const AnnotationLabel&, const AnnotationLabel&) = default;
};

struct AnnotationFile {
  std::vector<AnnotationLabel> labels;  // labels in file order
  double resolution = 0;                // time resolution of the file, Hz; 0 if not stated
  std::vector<Annotation> annotations;  // annotations in order of time

  // The symbol of an annotation type: the file's own label if it defines one, otherwise the standard symbol.
  std::string symbol_of(int code) const;
};

// Reads all annotations of a file. SUB applies to one annotation; CHN and NUM apply until changed.
// Trailing NULs of AUX texts are dropped. Notes at the beginning may state the time resolution or define
// annotation types; such notes are not returned.
// Sample numbers are converted to `rate` (Hz) if the file's time resolution differs;
// a rate of 0 keeps the file's times.
// Throws Error, naming the byte, on an undefined type, times that run backwards, or a missing end mark.
AnnotationFile parse_annotation_file(std::string_view bytes, const std::string& file, double rate = 0);
AnnotationFile read_annotation_file(const std::filesystem::path& path, double rate = 0);

// Reads a file's annotations without its labels and time resolution.
std::vector<Annotation> read_annotations(const std::filesystem::path& path, double rate = 0);

// Writes the file atomically, beginning with its time resolution (Hz, 0: none) and its labels.
// Throws Error on what the format cannot hold:
// annotations out of order or before sample 0, a type that is neither standard nor among the labels,
// SUB or NUM outside -128 to 127, CHN outside 0 to 255, or an AUX text of more than 255 bytes.
void write_annotation_file(const std::filesystem::path& path, const AnnotationFile& file);
// Adds the file to `files`; it appears when the group is committed.
void write_annotation_file(FileGroup& files, const std::filesystem::path& path, const AnnotationFile& file);
void write_annotations(const std::filesystem::path& path, std::span<const Annotation> annotations);

}  // namespace sec::io
