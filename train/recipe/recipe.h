// A recipe says everything that determines a training run but the data and the device: what the network is
// given, its size, how beats are drawn and augmented, loss, optimizer, schedule, which weights are chosen,
// and the seed. It is a plain struct, read from TOML; every key can be overridden on the command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sec::train {

struct Recipe {
  std::string title = "SE-ECGNet";
  std::int64_t seed = 1;

  struct Data {
    std::string task = "beats";  // "beats": one class each; "recordings": several labels each
    // Task "recordings": where they and their labels come from (docs/formats.md), and what is taken of them.
    std::string source = "ptbxl";
    std::string label_set = "superclass";  // source "ptbxl"
    std::string label_file;                // sources "tianchi" and "table", in the data folder
    std::string class_file;                // source "tianchi": the classes, in the data folder
    std::string signal_folder;             // in the data folder; empty: the source's own
    double seconds = 10;                   // of each recording, from its start
    std::int64_t length = 2048;            // samples to which these are resampled
    std::string unlabelled = "keep";       // recordings that are of none of the classes
    std::int64_t validation_fold = 9;      // protocol "strat_folds"
    std::int64_t test_fold = 10;
    // Task "beats", but for protocol, split_file and the shares, which both have.
    // Record names; "DS1" and "DS2" stand for the records of de Chazal's split, "*" for every record of the
    // folder that is on no other side. Validation and test records are taken out of train.
    std::vector<std::string> train = {"DS1"};
    std::vector<std::string> validation;
    std::vector<std::string> test = {"DS2"};
    std::string protocol = "records";  // how these are divided: docs/protocols.md
    std::string split_file;            // protocol "file"
    std::int64_t folds = 5;            // protocol "folds"
    std::int64_t fold = 1;             // counts from 1: the one that is tested
    double validation_share = 0.1;     // protocols "beats" and "hash"
    double test_share = 0.2;
    std::int64_t split_seed = 1;   // protocols "folds", "beats" and "hash"
    bool allow_leakage = false;    // train although the sides share recordings or patients
    bool strict_patients = false;  // also where 201 and 202 are on different sides
    std::vector<std::string> leads = {"MLII", "other"};  // "other": the first lead not yet taken
    double rate = 120;                                   // Hz, of the windows
    double before = 1.3;                                 // s, of the window before the R peak
    double after = 0.7;                                  // s, after it
    std::string wander = "median";                       // how baseline wander is removed
    std::string invalid_samples = "error";               // samples marked invalid
    bool verify = true;  // hold samples against their headers' checksums before they are used
  } data;

  struct Input {
    // One network input ("lead") each; see train/data/beat_dataset.h for the names.
    std::vector<std::string> channels = {"lead1", "lead2"};
    std::vector<std::string> covariates;
    std::int64_t beats = 1;        // heartbeats that the network is given, the middle one is classified
    bool normalise = true;         // divide by the running median QRS amplitude of past beats
    std::int64_t past_beats = 64;  // from how many past beats amplitude and template are taken
    bool long_beats = true;        // of these, those with the longer half of RR intervals
    double clip = 3;               // values beyond are clipped; 0: never
    std::string amplitudes = "millivolts";  // recordings: what a lead's samples are counted in
  } input;

  // Of beats, AAMI classes; of recordings, labels: a recipe that names none means all that train.
  std::vector<std::string> classes = {"N", "S", "V", "F"};

  struct Network {
    std::string model = "se-ecgnet";
    std::int64_t width = 32;  // of se-ecgnet, as the next two
    bool tied = false;
    double dropout = 0.2;
    std::int64_t baseline_width = 0;  // of the other models; 0: as released
    std::string init;  // a file of weights to start from, ours or a state dict; empty: drawn from the seed
  } network;

  struct Sampler {
    std::string kind = "shuffle";
    std::int64_t majority_cap = 0;   // shuffle: at most so many beats of a class an epoch; 0: all
    std::int64_t epoch_samples = 0;  // weighted: beats drawn an epoch; 0: as many as there are
    double class_power = 0.5;        // weighted: a class of n beats is drawn in proportion to n^power
    double record_power = 0.5;       // weighted: and within it a record of m such beats to m^power
  } sampler;

  struct Augment {
    double scale = 0;            // standard deviation of the log of each lead's amplitude
    double noise = 0;            // white noise: its standard deviation is uniform in [0, noise)
    double gain_noise = 0;       // the same, as a factor 1 + noise of each sample
    double offset = 0;           // standard deviation of what is added to all of a lead
    double wander = 0;           // standard deviation of the amplitude of a slow sine
    double shift = 0;            // s, uniform in [-shift, shift]
    double lead_drop = 0;        // beats: probability that the channels of the second lead are zero;
                                 // recordings: of each lead, but one lead always stays
    double covariate_noise = 0;  // standard deviation
    double covariate_drop = 0;   // probability that all covariates are zero
  } augment;

  struct Loss {
    std::string kind = "cross_entropy";
    double smoothing = 0;                        // cross_entropy: of the labels
    std::string class_weights = "none";          // from the training beats
    std::vector<double> weights;                 // one a class, instead
    double focal_alpha = 0.25, focal_gamma = 2;  // focal
  } loss;

  struct Decision {
    // The class is decided by logit + prior_power * ln(share of the training beats / share of the beats
    // drawn): 1 undoes what balanced drawing does to the prior, 0 leaves it.
    double prior_power = 0;
    // Recordings: a class is stated where its probability exceeds 0.5, or the threshold with the best F1 on
    // the validation side.
    std::string thresholds = "half";
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
    std::vector<double> step_epochs;  // step: the rate is multiplied by step_factor at each of these
    double step_factor = 0.1;
    bool step_reload = false;   // step: each drop goes on from the best weights so far
    double final_rate = 0;      // cosine: at the end
    double clip_norm = 0;       // of the gradient; 0: no clipping
    double average_decay = 0;   // of the weights' moving average that is scored; 0: the weights themselves
    std::int64_t patience = 0;  // stop after so many epochs without a better validation score; 0: never
    std::string choose = "best";
    std::string choose_by = "macro_f1";   // the validation score that says which epoch is best
    std::int64_t checkpoint_steps = 200;  // last.safetensors is written every so many steps
    std::int64_t log_steps = 50;          // a line of log.jsonl every so many steps
    std::int64_t loader_threads = 1;
    std::int64_t evaluation_batch = 256;
  } train;

  bool whole_recordings() const { return data.task == "recordings"; }
  std::int64_t window_before() const;  // samples before the R peak's, at data.rate
  std::int64_t window_length() const;  // samples
};

// One key: where its value lives, what it may be, and what it is for.
struct RecipeKey {
  using Value = std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<double>*,
                             std::vector<std::string>*>;
  const char* name;  // "train.epochs"
  Value value;
  const char* help;
  double min = 0, max = 0;                // of numbers, inclusive
  std::vector<std::string> choices = {};  // of strings; empty: any
};
// Every key of `recipe`, in the order in which recipes are written.
std::vector<RecipeKey> recipe_keys(Recipe& recipe);

std::string value_text(const RecipeKey& key);  // as in TOML

// Whether the recipe's task has a use for the key of this name.
bool has_use_for(const Recipe& recipe, std::string_view key);

// Throws Error, beginning with `file`, on values that contradict each other, and on values of keys that the
// recipe's task has no use for.
void require_consistent(const Recipe& recipe, const std::string& file);

// Reads TOML text and overrides of the form "key=value", later ones win. `file` is for messages. Throws Error
// naming file, line and key on bad TOML, an unknown key (with the nearest known one), a value of the wrong
// type or out of range, and what require_consistent finds.
Recipe parse_recipe(const std::string& text, const std::string& file,
                    const std::vector<std::string>& overrides = {});
Recipe read_recipe(const std::string& file, const std::vector<std::string>& overrides = {});

// The recipe as TOML with every key that its task has a use for, its help as comment. Parses back to an equal
// recipe.
std::string to_toml(const Recipe& recipe);

}  // namespace sec::train
