{{ config(volatility='deterministic', packages=['pandas==1.5.0']) }}
def entry(value):
    {% if target.name %}
    return value * 2
    {% endif %}
