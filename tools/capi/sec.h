/* The C interface of sec: networks that sectrain trained, for programs in any language. In libsec.so, which
   exports these functions and nothing else. C11.

   Failures: functions that return a pointer return NULL, those that return int return something other than 0,
   and sec_last_error() says why in one line. No function ends the program, and no exception leaves it.

   Threads: every function may be called from any thread at any time, but a handle must not be freed while
   another thread uses it, and calls on one sec_session must not overlap. Computations take turns: one at a
   time in a process, on all cores. What sec_last_error() returns belongs to the calling thread. */
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

/* Why the calling thread's last failing call failed; "" if none did. Valid until its next call. */
const char* sec_last_error(void);

/* Loads a run folder of sectrain or its best.safetensors. `device`: "auto", "cpu", "cuda" or "simt". */
sec_model* sec_load(const char* path, const char* device);
void sec_free(sec_model* model); /* NULL is allowed; streams of the model are to be freed before */

/* The classes that the network tells apart, by index from 0; NULL beyond the last. */
int sec_class_count(const sec_model* model);
const char* sec_class_name(const sec_model* model, int index);

/* The leads that the network was trained on, as its recipe names them ("other": any one more). */
int sec_lead_count(const sec_model* model);
const char* sec_lead_name(const sec_model* model, int index);

/* What the network itself is given for each beat: `length` samples of `channels` channels, and `covariates`
   numbers (docs/recipes.md). */
typedef struct {
  int64_t length;
  int64_t channels;
  int64_t covariates;
} sec_shape;
sec_shape sec_input_shape(const sec_model* model);

/* Classifies windows that are as the network is given them: `x` holds (windows, length, channels) values,
   `covariates` (windows, covariates), or is NULL where there are none. Fills logits (windows, classes) and
   labels (windows), class indices; either may be NULL. Fails if logits are not finite, as for a window that holds
   NaN: such windows have the label SEC_NOT_CLASSIFIABLE, and all others their answers. Raw recordings go through
   a sec_session instead. */
int sec_classify(sec_model* model, int64_t windows, const float* x, const float* covariates, float* logits,
                 int32_t* labels);

/* The label of what cannot be classified because its logits are not finite. */
#define SEC_NOT_CLASSIFIABLE (-1)

/* A beat that was found and classified. */
typedef struct {
  int64_t sample; /* of its R peak, counted from the stream's first frame */
  int32_t label;  /* index of its class, or SEC_NOT_CLASSIFIABLE */
} sec_beat;

/* Raw samples in, classified beats out, for a recording or a monitor of `rate` Hz. A beat is answered when
   the next one has been found, or after `longest_wait` seconds if that is above 0. */
sec_session* sec_session_open(sec_model* model, double rate, double longest_wait);
void sec_session_free(sec_session* stream); /* NULL is allowed */

/* The next frames: (frames, leads) values in mV, NaN where there is no sample. */
int sec_session_push(sec_session* stream, int64_t frames, const float* samples);
/* There are no more frames: what is left can be taken. */
int sec_session_finish(sec_session* stream);
/* Moves at most `most` answered beats into `beats`, the earliest first, and their logits (most, classes) into
   `logits` unless it is NULL. Returns how many; -1 on failure. */
int64_t sec_session_take(sec_session* stream, int64_t most, sec_beat* beats, float* logits);

#ifdef __cplusplus
}
#endif

#endif
