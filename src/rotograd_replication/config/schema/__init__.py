"""What a configuration may say: typed models, one per kind of file under `configs/`.

Every hyper-parameter is a `Sourced` value: `{value: 300, source: "paper: reproducibility sheet"}`.
An unknown key is an error. Parameters of plug-ins are checked against the keyword-only arguments
of the plug-in's `build` (see `plugins.parameters`), so a new plug-in needs no change here.
"""

from .base import Factor as Factor
from .base import Model as Model
from .base import Name as Name
from .base import Share as Share
from .base import Sourced as Sourced
from .dataset import BATCHES as BATCHES
from .dataset import CONVENTIONS as CONVENTIONS
from .dataset import GLOBAL as GLOBAL
from .dataset import Archive as Archive
from .dataset import Dataset as Dataset
from .dataset import Sha256 as Sha256
from .dataset import Standin as Standin
from .dataset import Task as Task
from .experiment import Experiment as Experiment
from .experiment import Training as Training
from .experiment import Tuning as Tuning
from .experiment import check_subspace as check_subspace
from .method import Method as Method
from .method import Optimizer as Optimizer
from .study import Study as Study
