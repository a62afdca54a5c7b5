"""Triton's own server, taken out of nvidia-pytriton: HTTP in C++, dynamic batching, and the Python backend.

The backend that reads ONNX files is in no package of PyPI.  Going past pytriton's proxy, straight to the Python
backend, spares each batch a trip to one more process.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytriton

CONFIG = """
name: "network"
backend: "python"
max_batch_size: 64
input [ { name: "x" data_type: TYPE_FP32 dims: [ 784 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 10 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
dynamic_batching { max_queue_delay_microseconds: %d }
"""

if __name__ == "__main__":
    port, here = int(sys.argv[1]), Path(__file__).parent
    server = Path(pytriton.__file__).parent / "tritonserver"
    work = Path(tempfile.mkdtemp(prefix="bench-triton-", dir=os.environ.get("BENCH_FOLDER")))
    model = work / "models" / "network"
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(CONFIG % int(os.environ.get("BENCH_WAIT_US", "0")))
    shutil.copy(here / "triton_model.py", model / "1" / "model.py")
    shutil.copy(here / "session.py", model / "1" / "session.py")
    # The stub for this Python belongs beside the backend.
    backend = work / "backends" / "python"
    shutil.copytree(server / "backends" / "python", backend)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copy(server / "python_backend_stubs" / version / "triton_python_backend_stub", backend)
    os.environ["BENCH_SITE"] = str(Path(pytriton.__file__).parents[1])  # the backend's Python sees no PYTHONPATH
    libraries = [Path(sys.base_prefix) / "lib", server.parents[1] / "nvidia_pytriton.libs"]
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
    options = {
        "model-repository": model.parent,
        "backend-directory": work / "backends",
        "http-address": "127.0.0.1",
        "http-port": port,
        "http-thread-count": os.environ.get("BENCH_THREADS", "8"),
        "allow-grpc": "false",
        "allow-metrics": "false",
        "log-info": "false",
        "log-warning": "false",
    }
    os.execv(
        server / "bin" / "tritonserver", ["tritonserver", *(f"--{name}={value}" for name, value in options.items())]
    )
