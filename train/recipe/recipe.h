// A recipe determines a training run except for the data and the device.
// A recipe holds the network's input and size, sampling, augmentation, loss, optimizer and schedule.
// It also holds the choice of weights and the seed.
// It is a plain struct read from TOML; the command line can override every key.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sec::train {

// A number that a recipe need not give.
inline constexpr double unset = std::numeric_limits<double>::quiet_NaN();

struct Recipe {
  std::string title = "SE-ECGNet";
  std::int64_t seed = 1;

  // A further database, the section [data.databases.NAME]. Its records are called NAME:RECORD in data.train and the
  // other lists. Records without a database's name before them are in the folder of `sectrain --data`.
  struct Database {
    std::string folder;                 // beside the folder of --data; empty: the database's name
    std::vector<std::string> leads;     // its leads that stand for those of data.leads; empty: the same names
    double share = unset;               // of the draws of each class; unset: what the others leave
    double gain = unset;                // converter units per unit of signals whose header states no gain
    std::vector<std::string> classes;   // "SYMBOL=CLASS": AAMI classes that differ from the usual ones
    std::vector<std::string> patients;  // "RECORD=PATIENT": names of patients, common to all databases
  };

  struct Data {
    std::string task = "beats";  // "beats": one class per beat; "recordings": several labels per recording
    // Keys of the task "recordings":
    // the source of recordings and labels (docs/formats.md), and the part used.
    std::string source = "ptbxl";
    std::string label_set = "superclass";  // source "ptbxl"
    std::string label_file;                // sources "tianchi" and "table": a file in the data folder
    std::string class_file;                // source "tianchi": the list of classes, in the data folder
    std::string signal_folder;             // a file in the data folder; empty: the source's usual folder
    double seconds = 10;                   // part of each recording that is used, from its start
    std::int64_t length = 2048;            // samples after resampling that part
    double crop = 0;                       // s that the network sees at once; 0: all of data.seconds
    double crop_step = 0;                  // s between the crops of a recording; 0: half a crop
    std::string unlabelled = "keep";       // what happens to recordings without any of the classes
    std::int64_t validation_fold = 9;      // protocol "strat_folds"
    std::int64_t test_fold = 10;
    // Keys of the task "beats"; both tasks use protocol, split_file and the shares.
    // Lists of record names. "DS1" and "DS2" stand for the records of de Chazal's split.
    // "*" stands for all records of the folder that are in no other split.
    // Validation and test records are removed from `train`.
    std::vector<std::string> train = {"DS1"};
    std::vector<std::string> validation;
    std::vector<std::string> test = {"DS2"};
    std::string protocol = "records";  // how the data is split: docs/protocols.md
    std::string split_file;            // protocol "file"
    std::int64_t folds = 5;            // protocol "folds"
    std::int64_t fold = 1;             // the test fold, counted from 1
    double validation_share = 0.1;     // protocols "beats" and "hash"
    double test_share = 0.2;
    bool stratify = true;          // recordings, protocol "hash": each split has its share of every class
    std::int64_t split_seed = 1;   // protocols "folds", "beats" and "hash"
    bool allow_leakage = false;    // train even if the splits share recordings or patients
    bool strict_patients = false;  // also refuse MIT-BIH's 201 and 202 (one person) in different splits
    std::vector<std::string> leads = {"MLII", "other"};  // "other": the first lead not yet selected
    double rate = 120;                                   // sampling rate of the windows in Hz
    double before = 1.3;                                 // s of the window before the R peak
    double after = 0.7;                                  // s of the window after the R peak
    std::string wander = "median";                       // how baseline wander is removed
    std::string invalid_samples = "error";               // how samples marked invalid are handled
    bool verify = true;  // compare samples with the checksums in their headers before use

    // By name; sorted, so that two recipes with the same databases are the same.
    std::map<std::string, Database> databases = {};
  } data;

  struct Input {
    // Each name adds one row ("lead") to the network's input; train/data/beat_dataset.h lists the names.
    std::vector<std::string> channels = {"lead1", "lead2"};
    std::vector<std::string> covariates;
    // Measures of the rhythm, of which train/data/rhythm.h lists the names.
    std::vector<std::string> rhythm = {"rr/mean", "next/mean", "previous/mean", "rr/previous", "next/rr"};
    std::int64_t beats = 1;        // heartbeats in one input sequence; the middle one is classified
    bool normalise = true;         // divide by the running median QRS amplitude of past beats
    std::int64_t past_beats = 64;  // number of past beats that give the amplitude and the template
    bool long_beats = true;        // use only the half of the past beats with the longer RR intervals
    double clip = 3;               // clip inputs to [-clip, clip]; 0: no clipping
    std::string amplitudes = "millivolts";  // recordings: the unit of a lead's samples
  } input;

  // AAMI classes of beats, or labels of recordings.
  // A recordings recipe without classes uses all training labels.
  std::vector<std::string> classes = {"N", "S", "V", "F"};

  struct Network {
    std::string model = "se-ecgnet";
    std::int64_t width = 32;          // se-ecgnet: channels of the 2-D part
    bool tied = false;                // se-ecgnet: blocks of a stage share their downsampling module
    double dropout = 0.2;             // se-ecgnet: probability
    std::int64_t baseline_width = 0;  // other models; 0: the released width
    std::string init;  // initial weights: a weights file or PyTorch state dict; empty: random, from the seed
  } network;

  struct Sampler {
    std::string kind = "shuffle";
    std::int64_t majority_cap = 0;   // shuffle: most beats of a class per epoch; 0: all
    std::int64_t epoch_samples = 0;  // weighted: beats drawn per epoch; 0: the number of training beats
    double class_power = 0.5;        // weighted: a class of n beats is drawn in proportion to n^power
    double record_power = 0.5;       // weighted: within a class, a record of m beats in proportion to m^power
  } sampler;

  struct Augment {
    double scale = 0;            // standard deviation of the log of each lead's amplitude
    double noise = 0;            // white noise; its standard deviation is drawn from [0, noise)
    double gain_noise = 0;       // multiplicative white noise (1 + noise), its deviation drawn likewise
    double offset = 0;           // standard deviation of a constant added to a whole lead
    double wander = 0;           // standard deviation of the amplitude of a slow sine
    double shift = 0;            // shift in time in seconds, uniform in [-shift, shift]
    double lead_drop = 0;        // beats: probability of zeroing the channels of the second lead;
                                 // recordings: of zeroing each lead (one lead is always kept)
    double covariate_noise = 0;  // standard deviation of white noise on the covariates
    double covariate_drop = 0;   // probability of zeroing all covariates
  } augment;

  struct Loss {
    std::string kind = "cross_entropy";
    double smoothing = 0;                        // cross_entropy: label smoothing
    std::string class_weights = "none";          // computed from the training beats
    std::vector<double> weights;                 // one per class, instead of class_weights
    double focal_alpha = 0.25, focal_gamma = 2;  // focal
  } loss;

  struct Decision {
    // A beat's class has the largest logit + prior_power * ln(share of training beats / drawn share).
    // A power of 1 undoes the effect of balanced sampling on the prior, 0 leaves it.
    double prior_power = 0;
    // Recordings: a class is predicted if its probability exceeds a threshold.
    // "half": 0.5; "validation": the threshold with the best F1 on the validation split.
    std::string thresholds = "half";
    // Recordings with data.crop: the logit of a class is the "mean" or the largest ("max") of its crops' logits.
    std::string crops = "mean";
  } decision;

  struct Train {
    std::int64_t epochs = 10;
    std::int64_t batch = 64;
    std::string optimizer = "adamw";
    double rate = 1e-3;
    double weight_decay = 0.01;
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // adam, adamw
    double momentum = 0.9;                              // sgd
    bool nesterov = false;                              // sgd
    std::string schedule = "cosine";
    double warmup_epochs = 0;
    std::vector<double> step_epochs;  // step: epochs at which the rate is multiplied by step_factor
    double step_factor = 0.1;
    bool step_reload = false;     // step: each drop continues from the best weights so far
    double final_rate = 0;        // cosine: learning rate at the end
    double clip_norm = 0;         // largest norm of the gradient; 0: no clipping
    double average_decay = 0;     // decay of the moving average of the weights that is scored; 0: no average
    std::int64_t patience = 0;    // epochs without a better validation score before stopping; 0: never
    std::string choose = "best";  // the weights that are tested: those of the best or the last epoch
    std::string choose_by = "macro_f1";  // the validation score that ranks epochs
    std::int64_t keep_epochs = 0;  // the epochs between kept weights, epoch_NNNN.safetensors; 0: none kept
    std::int64_t checkpoint_steps = 200;  // steps between writes of last.safetensors
    std::int64_t log_steps = 50;          // steps between step lines of log.jsonl
    std::int64_t loader_threads = 1;
    std::int64_t evaluation_batch = 256;
  } train;

  bool whole_recordings() const { return data.task == "recordings"; }
  std::int64_t window_before() const;  // samples of a beat's window before its R peak, at data.rate
  std::int64_t window_length() const;  // samples of a beat's window, at data.rate
  double recording_rate() const;     // sampling rate of a recording's input in Hz: data.length / data.seconds
  std::int64_t crop_length() const;  // samples of a crop, or data.length without data.crop
};

// One key of a recipe: a pointer to its value, the values allowed, and a line of help.
struct RecipeKey {
  using Value = std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<double>*,
                             std::vector<std::string>*>;
  std::string name;  // "train.epochs"
  Value value;
  const char* help;
  double min = 0, max = 0;                // smallest and largest number allowed, inclusive
  std::vector<std::string> choices = {};  // the strings allowed; empty: any string
};
// Every key of `recipe`, in the order in which recipes are written.
std::vector<RecipeKey> recipe_keys(Recipe& recipe);

std::string value_text(
    const RecipeKey& key);  // the key's value as TOML; "unset" for a number that is not given

// Whether a database can have this name: letters, digits, - and _.
bool is_database_name(std::string_view name);

// Whether the recipe's task uses the key of this name.
bool has_use_for(const Recipe& recipe, std::string_view key);

// Throws Error, beginning with `file`, if values contradict each other.
// Also throws Error if a key that the task does not use differs from its default.
void require_consistent(const Recipe& recipe, const std::string& file);

// Parses TOML text, then applies overrides of the form "key=value" in order.
// `file` is for messages. Throws Error naming file, line and key on bad TOML,
// an unknown key (with the nearest known key), a value of the wrong type or out of range, and a key "base".
// Also throws Error on everything that require_consistent refuses.
Recipe parse_recipe(const std::string& text, const std::string& file,
                    const std::vector<std::string>& overrides = {});

// Parses the recipe of a run, which to_toml wrote, perhaps in an earlier version. A key that the text lacks has the
// value with which that version trained, not today's default: data.stratify is false.
Recipe parse_run_recipe(const std::string& text, const std::string& file,
                        const std::vector<std::string>& overrides = {});

// Reads a recipe file as parse_recipe does. A key "base" at the top level names another recipe file.
// Its path is relative to the file that holds the key. The base's values are set first.
// A base may have a base.
// Throws Error as parse_recipe does, if a file cannot be read, and if a file is (indirectly) its own base.
Recipe read_recipe(const std::string& file, const std::vector<std::string>& overrides = {});

// The recipe as TOML: every key that its task uses, with its help as a comment.
// parse_recipe() reads the text back to an equal recipe.
std::string to_toml(const Recipe& recipe);

}  // namespace sec::train
