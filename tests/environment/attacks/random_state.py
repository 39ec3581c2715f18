# Claim: earlier actions leave the random state, hashes and clock zone as they were
# Value: (0.8444218515250481, 0.5488135039273248, 'UTC')
import random
import time

import numpy

(random.random(), float(numpy.random.random()), time.tzname[0])
