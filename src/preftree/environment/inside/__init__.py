"""What runs inside the jail. Sent to it as text and loaded there without the package around it.

These modules import the standard library and each other, nothing else: `zygote` waits for actions and forks
one process for each and holds its limits with what `watch` counts; that process is `action`, which `cage` shuts
in and which runs the code in a `cell` like a notebook's; `report` is what it says of itself; `pages` makes forks
cheap.
"""
