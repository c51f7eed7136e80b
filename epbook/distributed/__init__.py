"""EP past one machine: a partition of the data is a term, and its message a site.

    partition.py    what happens where the data are: read rows, refine their sites against a cavity
    clusters.py     who does it: the workers of dask.distributed, or this process
    rounds.py       the server: adds up messages, and never sees a datum
    fitting.py      `fit`, which starts, watches and ends all this

Importing needs numpy and scipy only; a run on workers needs dask.distributed (`pip install 'epbook[distributed]'`).
Vehtari et al. (2020); Xu et al. (2014); Hasenclever et al. (2017).
"""

from .clusters import Serial
from .fitting import DistributedResult, fit
from .partition import Message, Share, load, refine, share_of
from .rounds import Traffic

__all__ = ["DistributedResult", "Message", "Serial", "Share", "Traffic", "fit", "load", "refine", "share_of"]
