"""Prints a message as Confluent's Avro serializer writes it, in hexadecimal: confluent_avro.py REGISTRY TOPIC."""

import datetime
import sys

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

url, topic = sys.argv[1:]
client = SchemaRegistryClient({'url': url})
serializer = AvroSerializer(client, conf={'auto.register.schemas': False, 'use.latest.version': True})
at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)
value = {'id': 2**63 - 1, 'at': at, 'page': 'é', 'tags': ['a', 'b']}
print(serializer(value, SerializationContext(topic, MessageField.VALUE)).hex())
