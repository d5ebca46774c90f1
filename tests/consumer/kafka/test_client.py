"""What a partition holds, also while its leader moves."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer.kafka.client import watermarks


class Moving:
    """Answers after some refusals, as a broker does while a leader is chosen."""

    def __init__(self, code, times):
        self.code, self.left = code, times

    def get_watermark_offsets(self, place, timeout):
        assert (place.topic, place.partition, timeout <= 60) == ("gigs", 3, True)
        if self.left:
            self.left -= 1
            raise KafkaException(KafkaError(self.code))
        return 2, 9


@pytest.mark.parametrize(
    "code", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE]
)
def test_a_leader_that_moves_is_waited_for(code):
    assert watermarks(Moving(code, 2), "gigs", 3, 60) == (2, 9)
    with pytest.raises(KafkaException):
        watermarks(Moving(code, 1_000), "gigs", 3, 0.3)


def test_any_other_refusal_is_told_at_once():
    with pytest.raises(KafkaException):
        watermarks(Moving(KafkaError.TOPIC_AUTHORIZATION_FAILED, 1), "gigs", 3, 60)
