// Generates synthetic recordings with 1 to 12 leads.
// They can stand in for the MIT-BIH Arrhythmia Database on machines that cannot download it.
//
// Beats follow the dynamical model of McSharry et al. 2003
// ("A dynamical model for generating synthetic electrocardiogram signals", IEEE Trans. Biomed. Eng. 50(3)).
// A point travels around a limit cycle once per beat;
// P, Q, R, S and T are Gaussian events at given angles of the cycle.
// The speed varies with respiration (0.25 Hz) and Mayer waves (0.1 Hz).
// As in Sameni et al. 2007 ("Multichannel ECG and noise modeling", EURASIP J. Adv. Signal Process.),
// each event is a dipole in space, and a lead records its projection.
// The signal is computed in closed form as the sum of the Gaussians, without integrating the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/databases/mitdb.h"
#include "io/synthetic/heart.h"
#include "io/wfdb/signal.h"

namespace sec::io {

struct SyntheticOptions {
  double minutes = 5;                // length of each record, up to 120
  std::uint64_t seed = 1;            // equal seeds give equal databases
  double noise = 1;                  // scales baseline wander, mains hum, muscle and electrode noise
  std::vector<std::string> records;  // names as in MIT-BIH; empty: all 48

  // If positive, generates this number of records (s00001, s00002, ...)
  // instead of MIT-BIH's records, each of a different patient. The options below apply only then.
  int count = 0;
  std::optional<double> rate;  // Hz, 100 to 2000; nullopt: 360
  int leads = 0;               // 1 to 12, see synthetic_leads; 0: two leads
  // Each record's fractions of beats per class, exact to a few beats; nullopt: they vary by patient.
  std::optional<ClassMix> mix;
};

struct SyntheticRecord {
  // 200 adu/mV, 11 bits around 1024, format 212. Stand-ins for MIT-BIH's records have two leads at 360 Hz.
  DigitalRecord digital;
  std::vector<Annotation> annotations;
};

struct SyntheticCounts {
  ClassCounts all{};
  MitdbCounts mitdb;  // only the records in DS1 and DS2
};

// Generates one recording of an imaginary patient in place of `record`.
// As in MIT-BIH, 201 and 202 are of the same patient, and 102, 104, 107 and 217 are paced.
// Throws Error on options out of range.
SyntheticRecord synthesize(const MitdbRecord& record, const SyntheticOptions& options);

// Writes the records, RECORDS, and the marker file with the number of beats per class. Returns these counts.
// Creates the folder if needed. Throws Error if the folder holds a database that is not synthetic.
// Also throws Error if options are out of range or contradictory.
SyntheticCounts write_synthetic_database(const std::filesystem::path& folder,
                                         const SyntheticOptions& options);

}  // namespace sec::io
