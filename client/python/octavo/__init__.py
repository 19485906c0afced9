"""Client of Octavo, the service that quantizes TFLite models and measures every variant."""

from octavo.client import Client, Data, Feedback, JobFailed, OctavoError, Preprocess, Result

__all__ = ["Client", "Data", "Feedback", "JobFailed", "OctavoError", "Preprocess", "Result"]
__version__ = "0.1.0"
