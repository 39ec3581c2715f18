"""What runs inside the jail. Sent to it as text and loaded there without the package around it.

These modules import the standard library and each other, nothing else: `zygote` waits for actions and forks
one process for each, `cage` shuts that process in, `cell` runs the code like a notebook, `watch` counts from
outside what it uses, `pages` makes forks cheap.
"""
