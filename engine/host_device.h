// SEC_HOST_DEVICE marks functions that run both on the host and in device code.
#pragma once

#ifdef __CUDACC__
#define SEC_HOST_DEVICE __host__ __device__
#else
#define SEC_HOST_DEVICE
#endif
