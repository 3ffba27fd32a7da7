{% if execute %}{% set found = run_query("select 'x' as s, 1 as n, true as b, date '2020-01-02' as d,"
  ~ " timestamp '2020-01-02 03:04:05' as ts, 1.5 as f, 2.0 as g, null as z") %}
{% for c in found.columns %}-- {{ c.name }} {{ c.data_type.jsonify(c.values()[0]) }} {{ c.data_type.csvify(c.values()[0]) }} {{ c.data_type.jsonify(none) }} {{ c.data_type.test('1') }} {{ c.data_type.cast(none) }} {{ c.data_type.absent is defined }}
{% endfor %}{% endif %}
select 1 as a
