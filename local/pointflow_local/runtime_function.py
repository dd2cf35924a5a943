"""A function of the template as Lambda would run it: its code, its layers, its surroundings."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pointflow_local.artifacts import Artifact, build_layer, pack_folder
from pointflow_local.clients import local_client
from pointflow_local.deployer import STACK_NAME
from pointflow_local.errors import LocalStackError
from pointflow_local.state import LocalStack
from pointflow_local.template import FUNCTION, LAYER, Template, read_template, resources


@dataclass(frozen=True, slots=True)
class Code:
    """What lies in /var/task and in /opt on Lambda."""

    task: Path
    layers: Path

    @property
    def search_path(self) -> list[Path]:
        """Where Python looks before it comes to the runtime's own packages."""
        python = self.layers / "python"
        return [self.task, python / "lib" / "python3.13" / "site-packages", python]


@dataclass(frozen=True, slots=True)
class Configuration:
    """How a function is deployed.

    Attributes
    ----------
    name, handler : str
        Physical name, and `module.function`.
    timeout : int
        Seconds.
    memory : int
        MB. Told to the function; nothing here limits it.
    environment : mapping of str to str
        Everything that Lambda would put into its environment, credentials included.
    """

    name: str
    handler: str
    timeout: int
    memory: int
    environment: Mapping[str, str] = field(repr=False)


def functions(template: Path) -> list[str]:
    """Logical ids of the template's functions, sorted."""
    return sorted(logical_id for logical_id, _ in resources(read_template(template), FUNCTION))


def unpack_code(template: Path, logical_id: str, *, target: Path, cache: Path) -> Code:
    """Lay a function's code and layers out as Lambda does.

    The function's folder as it is now, without anybody's bytecode, and the layer as its makefile
    builds it: what `sam build` makes of the same template. A template that `sam build` wrote works
    as well; its layers are finished.

    Parameters
    ----------
    template : Path
        template.yaml, or `.aws-sam/build/template.yaml`.
    logical_id : str
        One of `functions(template)`.
    target : Path
        An empty folder.
    cache : Path
        Folder of finished layers.

    Raises
    ------
    LocalStackError
        There is no such function, or it has a layer from elsewhere, or a build fails.
    """
    document = read_template(template)
    properties = _properties(document, logical_id)
    code = Code(target / "task", target / "opt")
    folder = template.parent / str(_global_or_own(document, properties, "CodeUri"))
    if not folder.is_dir():
        raise LocalStackError(
            f"{logical_id} has its code in {folder}, which is not there", "mend the CodeUri"
        )
    _unpack(pack_folder(folder), code.task)
    for layer in _layers(document, properties):
        _unpack_layer(template.parent, document, layer, code.layers, cache)
    return code


def deployed_configuration(stack: LocalStack, logical_id: str) -> Configuration:
    """Ask the local AWS how it runs a function.

    The credentials are those of the function's own role, so that a local AWS that enforces
    policies refuses to this run what it refuses to the function itself.

    Raises
    ------
    LocalStackError
        The function is not deployed.
    """
    found = _deployed(stack, logical_id)
    role = local_client(stack, "sts").assume_role(
        RoleArn=found["Role"], RoleSessionName=found["FunctionName"][:64]
    )["Credentials"]
    return Configuration(
        name=found["FunctionName"],
        handler=found["Handler"],
        timeout=int(found["Timeout"]),
        memory=int(found["MemorySize"]),
        environment={
            **found.get("Environment", {}).get("Variables", {}),
            "AWS_REGION": stack.region,
            "AWS_DEFAULT_REGION": stack.region,
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"],
            "AWS_ENDPOINT_URL": stack.endpoint_url,
            "AWS_LAMBDA_LOG_FORMAT": found.get("LoggingConfig", {}).get("LogFormat", "Text"),
        },
    )


def _deployed(stack: LocalStack, logical_id: str) -> dict[str, Any]:
    try:
        resource = local_client(stack, "cloudformation").describe_stack_resource(
            StackName=STACK_NAME, LogicalResourceId=logical_id
        )["StackResourceDetail"]
        found: dict[str, Any] = local_client(stack, "lambda").get_function_configuration(
            FunctionName=resource["PhysicalResourceId"]
        )
    except ClientError as error:
        raise LocalStackError(
            f"{logical_id} is not deployed to the local AWS",
            "deploy the template as it is now: pointflow down, then pointflow up",
        ) from error
    return found


def _properties(document: Template, logical_id: str) -> dict[str, Any]:
    found = dict(resources(document, FUNCTION))
    if logical_id not in found:
        raise LocalStackError(
            f"template.yaml has no function {logical_id}", f"use one of {', '.join(sorted(found))}"
        )
    return found[logical_id]


def _global_or_own(document: Template, properties: Mapping[str, Any], name: str) -> Any:
    return properties.get(name, _globals(document).get(name))


def _layers(document: Template, properties: Mapping[str, Any]) -> list[Any]:
    return [*_globals(document).get("Layers", []), *properties.get("Layers", [])]


def _globals(document: Template) -> dict[str, Any]:
    found: dict[str, Any] = document.get("Globals", {}).get("Function", {})
    return found


def _unpack_layer(root: Path, document: Template, layer: Any, target: Path, cache: Path) -> None:
    logical_id = layer.get("Ref") if isinstance(layer, dict) else None
    known = dict(resources(document, LAYER))
    if logical_id not in known:
        raise LocalStackError(
            f"the layer {layer} does not come from this template", "run the function on AWS"
        )
    folder = root / known[logical_id]["ContentUri"]
    if (folder / "Makefile").exists():
        _unpack(build_layer(folder, logical_id, cache), target)
    else:
        _unpack_built(folder, target)


def _unpack_built(folder: Path, target: Path) -> None:
    if not (folder / "python").is_dir():
        raise LocalStackError(f"{folder} holds no built layer", "run: make build")
    (target / "python").parent.mkdir(parents=True, exist_ok=True)
    (target / "python").symlink_to(folder.resolve() / "python")


def _unpack(artifact: Artifact, target: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(artifact.body)) as archive:
        archive.extractall(target)
