"""How a command says that it cannot go on, and how every error becomes one line."""

from __future__ import annotations

from typing import NoReturn

import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    SSOError,
)

from pointflow.domain.errors import ConflictError, ContentionError, NotFoundError, PointflowError
from pointflow_local.errors import LocalStackError

UNUSABLE = 2


class CommandError(PointflowError):
    """A command cannot go on.

    Attributes
    ----------
    next_step : str
        What the person can do about it; may be empty.
    code : int
        The exit code.
    """

    def __init__(self, message: str, next_step: str = "", code: int = UNUSABLE) -> None:
        super().__init__(message)
        self.next_step = next_step
        self.code = code


def fail(message: str, next_step: str = "", code: int = UNUSABLE) -> NoReturn:
    """End the command with one line on stderr.

    Parameters
    ----------
    message : str
        What was wrong, with the value that was wrong.
    next_step : str
        What to do about it.
    code : int
        The exit code.

    Raises
    ------
    CommandError
        Always.
    """
    raise CommandError(message, next_step, code)


def explain(error: BaseException) -> CommandError | None:
    """Put an error into one line with its next step; None for a defect of pointflow itself."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, typer.Abort):
        return CommandError("given up", "nothing was done")
    if isinstance(error, typer.TyperException):
        # Pydantic, below typer, says this before the reason that matters.
        message = error.format_message().replace("Value error, ", "")
        return CommandError(message, _usage_of(error))
    if isinstance(error, PointflowError):
        return CommandError(str(error) or type(error).__name__, _next_step_of(error))
    if isinstance(error, UnicodeDecodeError):
        return CommandError(f"not UTF-8: {error.reason}", "save the file as UTF-8")
    return _explain_aws(error) or _explain_os(error)


def one_line(error: CommandError) -> str:
    """What a person reads: the error and its next step. Empty when there is nothing to add."""
    said = " ".join(str(error).split()).rstrip(".;")
    if not said:  # help was printed instead
        return ""
    if not error.next_step:
        return f"pointflow: {said}"
    return f"pointflow: {said}{' ' if said.endswith('?') else '; '}{error.next_step}"


def _usage_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"see: {context.command_path if context else 'pointflow'} --help"


def _next_step_of(error: PointflowError) -> str:
    if isinstance(error, LocalStackError):
        return error.next_step
    if isinstance(error, ContentionError):
        return "try again in a moment"
    if isinstance(error, ConflictError):
        return error.next_step or "somebody else may have been faster: look again, then try again"
    if isinstance(error, NotFoundError):
        return "check the name, and the stack named above"
    return ""


def _explain_os(error: BaseException) -> CommandError | None:
    if not isinstance(error, OSError):
        return None
    reason = error.strerror or str(error) or type(error).__name__
    subject = f"{error.filename}: {reason}" if error.filename else reason
    return CommandError(subject, "check the path and its permissions" if error.filename else "")


_AWS_NEXT_STEPS = {
    "AccessDenied": "ask for a role that may do this, or set AWS_PROFILE",
    "AccessDeniedException": "ask for a role that may do this, or set AWS_PROFILE",
    "ExpiredToken": "log in again, for example: aws sso login",
    "ExpiredTokenException": "log in again, for example: aws sso login",
    "InvalidClientTokenId": "check the AWS credentials in use: aws sts get-caller-identity",
    "ResourceNotFoundException": "check that the stack is deployed and --stack names it",
    "UnrecognizedClientException": "check the AWS credentials in use: aws sts get-caller-identity",
}


def _explain_aws(error: BaseException) -> CommandError | None:
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        name = str(detail.get("Code", "unknown"))
        said = " ".join(str(detail.get("Message") or "").split())
        message = f"AWS refused {error.operation_name} ({name}): {said or 'no reason given'}"
        return CommandError(message, _AWS_NEXT_STEPS.get(name, ""))
    if not isinstance(error, BotoCoreError):
        return None
    said = " ".join(str(error).split())
    if isinstance(error, NoCredentialsError | CredentialRetrievalError | SSOError):
        return CommandError(said, "log in, for example: aws sso login, or set AWS_PROFILE")
    if isinstance(error, ConnectionError | HTTPClientError):
        return CommandError(said, "check the network; for the local stack: pointflow up")
    return CommandError(said)
