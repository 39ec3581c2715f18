# Claim: code that traces the runner's own functions changes its own end at most
# Status: ok | error | killed
import sys
import threading


def trace(frame, event, argument):
    for name in ("status", "value", "trace", "kind", "payload"):
        if name in frame.f_locals:
            raise SystemExit(0)
    return trace


frame = sys._getframe()
while frame:
    frame.f_trace = trace
    frame = frame.f_back
threading.settrace(trace)
sys.settrace(trace)
sys.setprofile(trace)
42
