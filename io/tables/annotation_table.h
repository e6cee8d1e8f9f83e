// Annotations as a text table, for recordings in formats without annotations: NAME.annotations.csv.
#pragma once

#include <filesystem>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

// The path of the table beside a recording: a.annotations.csv for a.csv, a.npy, a.edf, a.hea or a.
std::filesystem::path annotation_table_of(const std::filesystem::path& recording);

// Whether a file's name is that of such a table.
bool is_annotation_table(const std::filesystem::path& path);

// Reads a table (io/files/text_table.h) with a column "symbol" and one of the columns "sample" (a whole number, from
// 0, at `rate`) and "time_s" (seconds). Symbols are the mnemonics of the MIT format, of which N, S, V, F and Q are
// also names of AAMI classes. Optional columns are "sub", "chan", "num" and "aux"; others are ignored. `secdata dump
// --annotations` writes this form. Rows may be in any order; annotations are returned in order of time.
// Throws Error, naming file and line, on a missing column, both columns of times, and a malformed time or symbol.
std::vector<Annotation> read_annotation_table(const std::filesystem::path& path, double rate);

}  // namespace sec::io
