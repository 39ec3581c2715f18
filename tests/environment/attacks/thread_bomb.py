# Claim: threads count as processes
# Status: processes | error
import threading, time

for _ in range(2000):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
time.sleep(60)
