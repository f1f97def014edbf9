"""What the tests share. See Scripts/interop."""
import os
import pathlib

import pytest

from program import Program

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def cairn():
    program = pathlib.Path(os.environ.get("CAIRN", PROJECT / ".build/release/cairn"))
    assert os.access(program, os.X_OK), f"{program} is not there: swift build -c release --product cairn"
    return Program(program)


@pytest.fixture(scope="session")
def chroma_path():
    """The folder that has chroma-hnswlib, for a process of its own."""
    folder = pathlib.Path(os.environ.get("CHROMA", PROJECT / ".build/interop/chroma"))
    assert list(folder.glob("hnswlib*")), f"chroma-hnswlib is not in {folder}: run Scripts/interop"
    return folder
