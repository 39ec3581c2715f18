# Claim: replaced builtins do not trip the runner
# Value: 42
import builtins, json, os, struct, traceback

for name in ("len", "isinstance", "str", "print", "repr", "compile", "eval", "exec", "type"):
    setattr(builtins, name, None)
json.dumps = json.JSONEncoder = os.write = os._exit = struct.pack = traceback.walk_tb = None
6 * 7
