# Claim: control sequences and half characters in an error are escapes
# Status: error
# Shows: \x1b]0;owned\x07
class E(Exception):
    pass


E.__name__ = E.__qualname__ = "E\x1b[2J"
raise E("\x1b]0;owned\x07 \x00 \udcff \x9b31m \r\x08")
