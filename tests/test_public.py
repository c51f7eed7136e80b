"""What GitHub runs and asks: workflows that call this project's own commands, and issue forms."""

import re
from pathlib import Path

import pytest
import yaml

GITHUB = Path(__file__).parents[1] / ".github"
MAKEFILE = (GITHUB.parent / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(file for file in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if file.name != "config.yml")


def read(file):
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_workflows_test_publish_and_look_weekly():
    assert [file.stem for file in WORKFLOWS] == ["publish", "test", "weekly"]
    assert [file.stem for file in FORMS] == ["erratum", "question"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_workflow_runs_what_exists_and_may_read_only(file):
    workflow = read(file)
    assert workflow["permissions"] == {"contents": "read"}  # a job that needs more says so itself
    targets = [target for step in steps(workflow) for target in re.findall(r"\bmake (\w+)", step.get("run", ""))]
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets)
    assert targets or any(".ci/run" in step.get("run", "") for step in steps(workflow))
    assert all("@" in step["uses"] for step in steps(workflow) if "uses" in step)
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values() if any("make" in step.get("run", "") for step in job["steps"]))


def test_only_the_jobs_that_write_may():
    granted = {
        (file.stem, name): job["permissions"] for file in WORKFLOWS for name, job in read(file)["jobs"].items() if "permissions" in job
    }
    assert granted == {
        ("publish", "deploy"): {"pages": "write", "id-token": "write"},
        ("publish", "release"): {"contents": "write"},
        ("weekly", "report"): {"issues": "write"},
    }


def test_published_pages_know_their_addresses_and_dates():
    build = read(GITHUB / "workflows" / "publish.yml")["jobs"]["build"]
    assert {"EPBOOK_REPOSITORY", "EPBOOK_SITE"} <= set(build["env"])
    assert build["steps"][0]["with"]["fetch-depth"] == 0


def test_a_failed_week_opens_an_issue():
    report = read(GITHUB / "workflows" / "weekly.yml")["jobs"]["report"]
    assert report["if"] == "failure()" and set(report["needs"]) == {"latest", "links"}
    assert "gh issue create" in report["steps"][0]["run"] and "gh issue comment" in report["steps"][0]["run"]


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_issue_form_is_whole(file):
    form = read(file)
    assert {"name", "description", "title", "body"} <= set(form)
    assert "page" in [field["id"] for field in form["body"]]  # which each page's link fills in
    assert len({field["id"] for field in form["body"]}) == len(form["body"])
    assert all(field["attributes"]["label"] for field in form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])
