/* The C interface of sec: runs networks that sectrain trained, from programs in any language. C11.
   libsec.so exports these functions and nothing else.

   Failures: functions that return a pointer return NULL, functions that return a number of things return -1, and
   other functions that return int do not return 0. sec_last_error() gives the reason in one line. No function ends
   the program or throws an exception; a handle that is NULL is a failure, except where it is allowed.

   Threads: every function may be called from any thread at any time. Exceptions: a handle must not be freed
   while another thread uses it, and calls on one sec_session must not overlap. A process runs one computation
   at a time, on all cores. The text that sec_last_error() returns belongs to the calling thread.

   Processes: after fork(), the child cannot use what its parent has loaded, because the threads that compute exist in
   the parent only. Every call in such a child fails. Either call fork() before the first call of sec_load(), and
   sec_load() in the child; or let the child call exec(). */
#ifndef SEC_H
#define SEC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sec_model sec_model;
typedef struct sec_session sec_session;

/* Version and commit. */
const char* sec_version(void);

/* The error of the calling thread's last failed call; "" if none failed. Valid until the thread's next call. */
const char* sec_last_error(void);

/* Loads a run folder of sectrain, its best.safetensors, or "pretrained:NAME", a model that comes with the library.
   `device`: "auto", "cpu", "cuda" or "simt". */
sec_model* sec_load(const char* path, const char* device);
void sec_free(sec_model* model); /* NULL is allowed; free the model's sessions first */

/* The classes of the network, by index from 0: the order of its logits. The name of an index beyond the last class is
   NULL. */
int sec_class_count(const sec_model* model);
const char* sec_class_name(const sec_model* model, int index);

/* The leads that the network was trained on, as its recipe names them ("other": any further lead). */
int sec_lead_count(const sec_model* model);
const char* sec_lead_name(const sec_model* model, int index);

/* The network's input for each window: `length` samples of `channels` channels, and `covariates` numbers
   (docs/recipes.md). A window is a beat, or a whole recording if the model was trained on whole recordings. All three
   are -1 if `model` is NULL. */
typedef struct {
  int64_t length;
  int64_t channels;
  int64_t covariates;
} sec_shape;
sec_shape sec_input_shape(const sec_model* model);

/* How many labels a window has: 1 for models of beats, and as many as there are classes for models of whole
   recordings, which can have several. */
int sec_label_count(const sec_model* model);

/* Classifies windows that are as the network is given them: `x` holds (windows, length, channels) values,
   `covariates` (windows, covariates), or is NULL where there are none. Fills logits (windows, classes) and
   labels (windows, sec_label_count); either may be NULL. A label is the index of the class of the beat. For whole
   recordings, it is 1 if the class exceeds the threshold that training chose, and 0 otherwise; `x` is then the first
   seconds of the leads, resampled to `length`, in the units of the recipe's input.amplitudes. Fails if logits are not
   finite, as for a window that holds NaN: all labels of such windows are SEC_NOT_CLASSIFIABLE, and all other windows
   have their answers. Raw samples of beats go through a sec_session instead. */
int sec_classify(sec_model* model, int64_t windows, const float* x, const float* covariates, float* logits,
                 int32_t* labels);

/* The label of what cannot be classified because its logits are not finite. */
#define SEC_NOT_CLASSIFIABLE (-1)

/* A beat that was found and classified. */
typedef struct {
  int64_t sample; /* of its R peak, counted from the stream's first frame */
  int32_t label;  /* index of its class, or SEC_NOT_CLASSIFIABLE */
} sec_beat;

/* Classifies the beats in raw samples of a recording or a monitor at `rate` Hz. A beat is classified when the
   next beat has been found, or after `longest_wait` seconds if that is above 0. */
sec_session* sec_session_open(sec_model* model, double rate, double longest_wait);
void sec_session_free(sec_session* stream); /* NULL is allowed */

/* Passes the next frames: (frames, leads) values in mV, NaN for missing samples. */
int sec_session_push(sec_session* stream, int64_t frames, const float* samples);
/* Ends the signal: the remaining beats can then be taken. */
int sec_session_finish(sec_session* stream);
/* Moves at most `most` classified beats into `beats`, the earliest first, and their logits (most, classes)
   into `logits` unless it is NULL. Returns the number of beats; -1 on failure. */
int64_t sec_session_take(sec_session* stream, int64_t most, sec_beat* beats, float* logits);

#ifdef __cplusplus
}
#endif

#endif
