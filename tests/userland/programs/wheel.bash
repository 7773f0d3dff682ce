#!/bin/bash
# python3 -m venv, a wheel made by hand, and pip installing it without a network; its console script runs.
exec 2>&1
unset PIP_FIND_LINKS
cat > make_wheel.py <<'P'
import base64, hashlib, zipfile

INFO = "night_post-1.0.dist-info"
files = {
    "night_post.py": "def main():\n    import sys\n    print('delivered', sys.argv[1:], sys.prefix != sys.base_prefix)\n    return 4\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: night-post\nVersion: 1.0\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\nnight-post = night_post:main\n",
}
record = f"{INFO}/RECORD,,\n"
with zipfile.ZipFile("night_post-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text)}\n"
        wheel.writestr(name, text)
    wheel.writestr(f"{INFO}/RECORD", record)
P
/usr/bin/python3 make_wheel.py
/usr/bin/python3 -m venv --without-pip v && ls v/bin
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONPATH=$1  # pip itself, its bytecode made beforehand
v/bin/python3 -m pip install --no-index --no-deps --no-compile --no-cache-dir ./night_post-1.0-py3-none-any.whl
echo "pip $?"
unset PYTHONPATH
v/bin/night-post a b
echo "script $?"
v/bin/python3 -c 'import importlib.metadata as m; d = m.distribution("night-post"); print(d.version, sorted(map(str, d.files)))'
