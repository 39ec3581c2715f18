# Claim: replaced handlers of bad text do not trip the runner, or end the action only
# Status: ok | killed
import codecs


def lie(error):
    raise SystemExit(0)


for name in ("strict", "surrogatepass", "backslashreplace", "replace", "ignore"):
    codecs.register_error(name, lie)
print("\udcff")
"\ud800"
