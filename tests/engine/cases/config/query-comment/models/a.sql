-- what the server was sent around the model's own text
select substring(regexp_replace(current_query(), '"(connection_name|profile_name|target_name|target_get_name)": "[^"]*"', '"\1": "x"', 'g') from '^(/\*.*?\*/)') as in_front,
       (regexp_match(current_query(), '\n\s*\)[\s;]*(/\*[^*]*\*/)'))[1] as at_the_end
