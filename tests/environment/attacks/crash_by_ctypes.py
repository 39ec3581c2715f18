# Claim: a crash ends the process only
# Status: killed
# Shows: SIGSEGV
import ctypes

ctypes.string_at(8)
