# Claim: standard input is empty
# Value: 'nothing'
try:
    input()
    got = "something"
except EOFError:
    got = "nothing"
got
