"""Write refusals as Twilio does: JSON with a code, a message, more_info and the HTTP status.

Source of the codes: www.twilio.com/docs/api/errors, as of November 2026. The words of 21211 are Twilio's; those of the
others, and the statuses besides 401, 404 and 429, are our choice.
"""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.api import Refused

ERRORS = {  # code → HTTP status, message
    20001: (400, "The parameter {} is not valid."),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20009: (409, "Cannot delete this resource before it is complete."),
    20404: (404, "The requested resource {} was not found."),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred."),
    20503: (503, "The service is not available."),
    21211: (400, "The 'To' number {} is not a valid phone number."),
    21212: (400, "The 'From' number {} is not a valid phone number, short code, or alphanumeric sender."),
    21408: (400, "Permission to send an SMS has not been enabled for the region of the 'To' number {}."),
    21602: (400, "A message body is required."),
    21603: (400, "A 'From' or 'MessagingServiceSid' parameter is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' number {} cannot send messages for this account."),
    21609: (400, "The 'StatusCallback' URL {} is not valid."),
    21610: (400, "Attempt to send to an unsubscribed recipient."),
    21611: (400, "The queue of the 'From' number {} is full."),
    21612: (400, "The 'To' number {} cannot be reached from this sender."),
    21614: (400, "The 'To' number {} is not a mobile number."),
    21617: (400, "The message body is longer than 1600 characters."),
    21620: (400, "The 'MediaUrl' {} is not valid."),
    21623: (400, "A message has at most 10 media files."),
    21624: (400, "The validity period must be a whole number of seconds from 1 to 36000."),
    21701: (404, "The Messaging Service {} does not exist."),
    21704: (400, "The Messaging Service {} contains no phone numbers."),
    21705: (400, "The Messaging Service {} is not valid."),
    30400: (400, "Give either Status=canceled or an empty Body."),
    30409: (409, "This message cannot be canceled."),
    35111: (400, "The SendAt timestamp is missing."),
    35115: (400, "SendAt must be a UTC timestamp between 300 seconds and 35 days from now."),
    35118: (400, "A Messaging Service is required to schedule a message."),
    35126: (400, "The ScheduleType must be fixed."),
}
BY_STATUS = {400: 20001, 401: 20003, 403: 20003, 404: 20404, 405: 20004, 429: 20429, 500: 20500, 503: 20503}


class TwilioError(Refused):
    """One of Twilio's codes, and what its sentence is about."""

    challenge = 'Basic realm="Twilio API"'

    def __init__(self, code: int, about: str = "", *, status: int | None = None) -> None:
        self.code = code
        super().__init__(status or ERRORS[code][0], ERRORS[code][1].format(about))

    def body(self) -> Json:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def refusal(status: int) -> TwilioError:
    return TwilioError(BY_STATUS[status], status=status)
