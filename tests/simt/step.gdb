# Steps through row_sum_kernel as docs/simt.md explains; the test compares the output.
set pagination off
set debuginfod enabled off
start --gtest_filter=Launch.ABlockReduces*
break subjects.cu:32 if blockIdx.x == 2 && threadIdx.x == 96
continue
print threadIdx
print blockIdx
print warp_sums
next
print warp_sums
kill
quit
