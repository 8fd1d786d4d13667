"""The public names: this list is the only one; `lamevidence/reports/__init__.py` loads from it on first use."""

from .certainty import GradeDomain as GradeDomain
from .certainty import GradeProfile as GradeProfile
from .certainty import grade as grade
from .findings import SummaryOfFindings as SummaryOfFindings
from .findings import summary_of_findings as summary_of_findings
from .flow import PrismaFlow as PrismaFlow
from .flow import prisma as prisma
