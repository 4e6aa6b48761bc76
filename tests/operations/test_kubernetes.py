"""The manifests in deploy/kubernetes/ agree with the image and the program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from omoide.core.settings import Settings
from tests.contract.conformance import OPERATIONS

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "kubernetes"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def manifest(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


STATEFUL_SET = manifest("statefulset")["spec"]
POD = STATEFUL_SET["template"]["spec"]
(CONTAINER,) = POD["containers"]
LABELS = STATEFUL_SET["template"]["metadata"]["labels"]


def test_one_pod_writes_one_volume_which_the_image_expects() -> None:
    assert STATEFUL_SET["replicas"] == 1
    (claim,) = STATEFUL_SET["volumeClaimTemplates"]
    mounted = {each["name"]: each["mountPath"] for each in CONTAINER["volumeMounts"]}
    assert f"VOLUME {mounted[claim['metadata']['name']]}\n" in DOCKERFILE
    assert f"USER {POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}\n" in DOCKERFILE
    assert POD["securityContext"]["fsGroup"] == POD["securityContext"]["runAsGroup"]


def test_the_pod_has_no_rights_that_it_does_not_need() -> None:
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["automountServiceAccountToken"] is False
    assert {*CONTAINER["resources"]} == {"requests", "limits"}


def test_probes_request_served_paths() -> None:
    paths = {kind: CONTAINER[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}
    assert {*paths.values()} <= {operation.path for operation in OPERATIONS.values()}


def test_every_named_setting_exists_and_the_service_sets_none() -> None:
    named = {name.lower() for path in FOLDER.iterdir() for name in re.findall(r"OMOIDE_([A-Z_]+)", path.read_text())}
    assert {"auth", "jwt_secret"} <= named <= {*Settings.model_fields}
    assert POD["enableServiceLinks"] is False
    assert {"name": "OMOIDE_AUTH", "value": "true"} in CONTAINER["env"]


def test_services_policies_and_routes_lead_to_the_pod() -> None:
    service, policy, route = manifest("service"), manifest("network-policy"), manifest("ingress")
    (port,) = CONTAINER["ports"]
    assert f"EXPOSE {port['containerPort']}\n" in DOCKERFILE
    assert service["spec"]["selector"] == policy["spec"]["podSelector"]["matchLabels"] == LABELS
    assert [each["targetPort"] for each in service["spec"]["ports"]] == [port["name"]]
    assert STATEFUL_SET["serviceName"] == service["metadata"]["name"]
    (rule,) = route["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"]["name"] == service["spec"]["ports"][0]["name"]


def test_the_list_of_resources_names_every_manifest() -> None:
    text = (FOLDER / "kustomization.yaml").read_text()
    listed = {*re.findall(r"(?m)^ +(?:# )?- (\S+\.yaml)$", text)}
    assert listed == {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml"}
    settings = yaml.safe_load(text)["configMapGenerator"][0]
    assert {"configMapRef": {"name": settings["name"]}} in CONTAINER["envFrom"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_kubectl_builds_the_manifests_with_the_settings_and_the_image() -> None:
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=True)
    built = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    assert {*built} == {"ConfigMap", "Service", "StatefulSet"}
    (container,) = built["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    assert {"configMapRef": {"name": built["ConfigMap"]["metadata"]["name"]}} in container["envFrom"]
    assert container["image"] == "omoide:latest"
