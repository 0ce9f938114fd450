"""peer_load.py FILE - what a Python program does to have an image in memory as it lies in the file: starts, imports, reads."""
import sys

import nibabel
import numpy as np

np.asarray(nibabel.load(sys.argv[1]).dataobj).sum()
