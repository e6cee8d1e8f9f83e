// Marks functions that run on the host and in device code alike.
#pragma once

#ifdef __CUDACC__
#define SEC_HOST_DEVICE __host__ __device__
#else
#define SEC_HOST_DEVICE
#endif
