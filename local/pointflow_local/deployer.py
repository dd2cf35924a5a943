"""Deploys template.yaml itself, the way CloudFormation would, to the local AWS."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from pointflow_local import settings
from pointflow_local.artifacts import Artifact, build_layer, host_architecture, pack_folder
from pointflow_local.clients import local_client
from pointflow_local.differences import (
    with_enforceable_policies,
    with_failure_destinations,
    with_local_api_urls,
    with_number_parameters,
    with_text_environment,
    without_saved_queries,
)
from pointflow_local.errors import LocalStackError
from pointflow_local.state import LocalStack
from pointflow_local.template import Template, read_template, with_artifacts

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK_NAME = "pointflow-local"
ARTIFACT_BUCKET = "pointflow-local-artifacts"
PATIENCE = 180.0  # seconds; two are usual
POLL = 0.1  # seconds
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed from where."""

    template: Path
    cache: Path
    parameters: Mapping[str, str]


def deploy(stack: LocalStack, deployment: Deployment) -> dict[str, str]:
    """Deploy the template, or update what an earlier run deployed.

    Parameters
    ----------
    stack : LocalStack
        A running local AWS.
    deployment : Deployment

    Returns
    -------
    dict of str to str
        The template's outputs.

    Raises
    ------
    LocalStackError
        A build or the deployment failed; the message names the resource and the reason.
    """
    return _Deployer(stack, deployment).run()


class _Deployer:
    def __init__(self, stack: LocalStack, deployment: Deployment) -> None:
        self._stack = stack
        self._deployment = deployment
        self._template = read_template(deployment.template)
        self._uploaded: dict[str, str] = {}

    def run(self) -> dict[str, str]:
        self._make_artifact_bucket()
        parameters = self._parameters()
        template = with_number_parameters(with_text_environment(self._template), parameters)
        template = with_failure_destinations(without_saved_queries(template))
        packed = with_artifacts(
            with_enforceable_policies(template) if self._stack.auth else template,
            function_uri=self._upload_folder,
            layer_uri=self._upload_layer,
        )
        deployed = self._apply_change_set(packed, parameters)
        settings.apply(
            settings.ignored_settings(self._template, parameters, self._physical_ids()),
            self._client,
        )
        outputs = {o["OutputKey"]: o["OutputValue"] for o in deployed.get("Outputs", [])}
        return with_local_api_urls(outputs, self._stack.endpoint_url)

    def _client(self, service: str) -> Any:
        return local_client(self._stack, service)

    def _make_artifact_bucket(self) -> None:
        try:
            self._client("s3").create_bucket(Bucket=ARTIFACT_BUCKET)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise

    def _upload_folder(self, folder: str) -> str:
        if folder not in self._uploaded:
            self._uploaded[folder] = self._upload(pack_folder(self._path(folder)))
        return self._uploaded[folder]

    def _upload_layer(self, logical_id: str, folder: str) -> str:
        return self._upload(build_layer(self._path(folder), logical_id, self._deployment.cache))

    def _path(self, folder: str) -> Path:
        path = self._deployment.template.parent / folder
        if not path.is_dir():
            raise LocalStackError(
                f"template.yaml names the folder {folder}, which is not there",
                "mend the CodeUri or ContentUri",
            )
        return path

    def _upload(self, artifact: Artifact) -> str:
        self._client("s3").put_object(Bucket=ARTIFACT_BUCKET, Key=artifact.key, Body=artifact.body)
        return f"s3://{ARTIFACT_BUCKET}/{artifact.key}"

    def _parameters(self) -> dict[str, str]:
        declared = self._template.get("Parameters", {})
        values = {
            name: str(parameter["Default"])
            for name, parameter in declared.items()
            if "Default" in parameter
        }
        if unknown := sorted(set(self._deployment.parameters) - set(declared)):
            raise LocalStackError(
                f"template.yaml has no parameter {', '.join(unknown)}",
                f"use one of {', '.join(declared)}",
            )
        wanted = {"Architecture": host_architecture(), **self._deployment.parameters}
        values |= {name: value for name, value in wanted.items() if name in declared}
        if missing := sorted(set(declared) - set(values)):
            raise LocalStackError(
                f"template.yaml wants values for {', '.join(missing)}",
                "give these parameters a default",
            )
        return values

    def _apply_change_set(self, packed: Template, parameters: Mapping[str, str]) -> StackTypeDef:
        cloudformation: CloudFormationClient = self._client("cloudformation")
        exists = self._find(cloudformation) is not None
        body = json.dumps(packed).encode()
        key = f"{hashlib.sha256(body).hexdigest()[:32]}.json"
        self._client("s3").put_object(Bucket=ARTIFACT_BUCKET, Key=key, Body=body)
        try:
            change_set = cloudformation.create_change_set(
                StackName=STACK_NAME,
                ChangeSetName=f"up-{uuid4().hex}",
                ChangeSetType="UPDATE" if exists else "CREATE",
                TemplateURL=f"{self._stack.endpoint_url}/{ARTIFACT_BUCKET}/{key}",
                Parameters=[
                    {"ParameterKey": name, "ParameterValue": value}
                    for name, value in parameters.items()
                ],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            )["Id"]
        except ClientError as error:
            raise _refused(error.response["Error"]["Message"]) from error
        if self._ready(cloudformation, change_set):
            cloudformation.execute_change_set(ChangeSetName=change_set)
        return self._settle(cloudformation)

    def _ready(self, cloudformation: CloudFormationClient, change_set: str) -> bool:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = cloudformation.describe_change_set(ChangeSetName=change_set)
            if found["Status"] == "CREATE_COMPLETE":
                return True
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "no reason given")
                if any(phrase in reason for phrase in _UNCHANGED):
                    return False
                raise _refused(reason)
            time.sleep(POLL)
        raise LocalStackError("the change set is not ready after minutes", "try: pointflow down")

    def _settle(self, cloudformation: CloudFormationClient) -> StackTypeDef:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self._find(cloudformation)
            status = found["StackStatus"] if found else "DELETED"
            if found and status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
                return found
            if not status.endswith("_IN_PROGRESS"):
                raise LocalStackError(
                    f"the deployment ended in {status}: {self._failures(cloudformation)}",
                    "mend the template; for a kept stack: pointflow down, then remove "
                    "what was kept",
                )
            time.sleep(POLL)
        raise LocalStackError("the deployment is not through after minutes", "try: pointflow down")

    def _find(self, cloudformation: CloudFormationClient) -> StackTypeDef | None:
        try:
            stacks = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            return None
        return stacks[0] if stacks else None

    def _failures(self, cloudformation: CloudFormationClient) -> str:
        events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
        failed = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        return "; ".join(dict.fromkeys(reversed(failed))) or "no resource says why"

    def _physical_ids(self) -> dict[str, str]:
        found = self._client("cloudformation").describe_stack_resources(StackName=STACK_NAME)
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in found["StackResources"]
            if "PhysicalResourceId" in resource
        }


def _refused(reason: str) -> LocalStackError:
    told = " ".join(reason.split())
    if told.startswith("Parameter ") or ": rule " in told:
        return LocalStackError(f"the parameters are refused: {told}", "give others")
    return LocalStackError(f"the local AWS refuses the template: {told}", "mend template.yaml")
