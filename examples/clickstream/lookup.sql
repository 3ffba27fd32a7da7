-- Where the application looks for the sessions of a user; tables come by publishing.
create database lookup;
